// Figures as people read them: bytes, durations, counts. English, ASCII, the same width from one to the next where
// a line is redrawn.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** "812 B", "1.2 KiB", "8 MiB", "1,023 KiB": three digits or so, and exact where it is round. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  // 1023.96 KiB would round to 1,024.0
  if (unit > 0 && value >= 1023.95 && unit < UNITS.length - 1) [value, unit] = [1, unit + 1];
  const shown =
    unit === 0 || Number.isInteger(value) || value >= 100 ? countText(Math.round(value)) : value.toFixed(1);
  return `${shown} ${UNITS[unit]}`;
}

/** "10,233". */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

/** "1 file", "2 files". */
export const countOf = (count: number, noun: string): string =>
  `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;

/** "45 s", "2 min 5 s", "3 h 10 min", "2 d 4 h": two units at most. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

export const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** "2026-11-22", local. */
export const dateText = (day: Date): string =>
  `${day.getFullYear()}-${twoDigits(day.getMonth() + 1)}-${twoDigits(day.getDate())}`;

/** "0:45", "12:05", "3:10:00": for a line that is redrawn. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0
    ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}`
    : `${minutes}:${twoDigits(whole % 60)}`;
}

/** "14:03:22" today, "Nov 3 14:03" before. Local time. */
export function timeText(at: number, now: number): string {
  const then = new Date(at);
  const clock = `${twoDigits(then.getHours())}:${twoDigits(then.getMinutes())}`;
  if (then.toDateString() === new Date(now).toDateString()) return `${clock}:${twoDigits(then.getSeconds())}`;
  const month = then.toLocaleString('en', { month: 'short' });
  return `${month} ${then.getDate()} ${clock}`;
}
