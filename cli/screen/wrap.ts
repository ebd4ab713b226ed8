// Breaks paragraphs into lines, for the help and the reports: under 80 columns, since they are read in serial consoles
// and pasted into tickets.

export const WRAP_COLUMNS = 79;

/** Breaks at spaces; the first line begins with `first`, the others with `rest`. */
export function wrap(text: string, first = '', rest = first.trim() === '' ? first : ''): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > WRAP_COLUMNS) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line.trimEnd()];
}
