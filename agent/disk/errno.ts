// Names of the errnos that libuv does not know. node:fs gives their errors the code UNKNOWN or a sentence with the
// number, by call. They are the disk's as the others are: a damaged inode (EUCLEAN, EBADMSG), a user's quota (EDQUOT),
// a server that forgot a file (ESTALE), a directory whose key is not there (ENOKEY).

/** Linux's numbers, which are the same on every architecture that Node runs on (asm-generic/errno.h). */
const NAMES: Readonly<Record<number, string>> = {
  35: 'EDEADLK',
  37: 'ENOLCK',
  67: 'ENOLINK',
  74: 'EBADMSG',
  77: 'EBADFD',
  116: 'ESTALE',
  117: 'EUCLEAN',
  122: 'EDQUOT',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
};

/** Of a positive number that libuv has no name for; one without a name here is E and the number. */
export const errnoName = (errno: number): string => NAMES[errno] ?? `E${errno}`;
