// The launcher of a bundled program: a shell's few lines that find Node and start it within the bounds of
// cli/flags.ts, so that an agent has them however it is run.
//
// Node: the one of the package toastbox-node, two directories above the bundle; else the machine's own.

import { HEAP_OLD_MIB_NARROW } from '../../agent/heap.ts';
import {
  AGENT_MALLOC_ENV,
  AGENT_NODE_FLAGS,
  GATEWAY_MALLOC_ENV,
  GATEWAY_NODE_FLAGS,
} from '../../cli/flags.ts';

/** Node 20.11 on armv7 polls with a thread that never rests if io_uring is on; no other target gains by it. */
const EVERYWHERE = 'UV_USE_IO_URING=0';

export function launcher(): string {
  return `#!/bin/sh
# Starts toastbox within bounds of memory: made from cli/flags.ts.
self=$0
[ -L "$self" ] && self=$(readlink -f "$self")
here=\${self%/*}
node=$here/../node
[ -x "$node" ] || node=$(command -v node || echo node)
export ${EVERYWHERE}
case "$1" in
agent)
  ${exported(AGENT_MALLOC_ENV)}
  # Node of 32 bits, as the fifth byte of an ELF file says, also where the kernel has 64: what the heap holds takes
  # little more than half the room.
  narrow=
  case "$(dd if="$node" bs=1 skip=4 count=1 2>/dev/null)" in
  "$(printf '\\001')") narrow=--max-old-space-size=${HEAP_OLD_MIB_NARROW} ;;
  esac
  exec "$node" ${AGENT_NODE_FLAGS.join(' ')} $narrow "$here/toastbox.cjs" "$@" ;;
gateway)
  ${exported(GATEWAY_MALLOC_ENV)}
  exec "$node" ${GATEWAY_NODE_FLAGS.join(' ')} "$here/toastbox.cjs" "$@" ;;
esac
exec "$node" "$here/toastbox.cjs" "$@"
`;
}

/** Unless they are given. */
const exported = (env: Readonly<Record<string, string>>): string =>
  `export ${Object.entries(env)
    .map(([name, value]) => `${name}="\${${name}-${value}}"`)
    .join(' ')}`;
