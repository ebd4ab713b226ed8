// A program in one file: rolldown puts its modules and npm packages together, leaves out what nothing calls, and
// makes it short. Beside the file stand the wasm's two builds, a launcher, and the licences of what is inside.
//
//   build/board/agent/      toastbox  toastbox.cjs  toastbox.simd.wasm  toastbox.plain.wasm  LICENSES, and mqttjs.cjs,
//                           which a board reads only for a broker behind a WebSocket: it would be half of the one
//                           file, and take 0.8 MB of an idle agent's memory as mere text
//   build/board/gateway/    the same, with copies.cjs (a thread), verify.cjs (a process of its own) and what LMDB
//                           compresses with (dict/); lmdb.node is missing: its native part is another for each target
//
// CommonJS, because that is what Node needs the least memory to load. ASCII only, because V8 keeps a source with one
// character beyond Latin-1 at two bytes each. Names of functions stay as they are: a stack in a report must say where.
//
// The sources require CommonJS at run time (protocol/cbor.ts says why), which a bundler cannot follow; so that line is
// rewritten here, and a file that does it in another way ends the build. The same bytes come out each time.

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { VERSION } from '../../agent/version.ts';
import { BUILD, ROOT } from '../places.ts';
import { launcher } from './launcher.ts';
import { licencesOf } from './licences.ts';

export const PROGRAMS = ['agent', 'gateway'] as const;
export type Program = (typeof PROGRAMS)[number];

/** MQTT.js as a file of its own: as an entrance, and as our sources then require it. */
const MQTTJS = '\0mqttjs';
const MQTTJS_FILE = './mqttjs.cjs';

/** Files that run: name in the bundle -> entrance. */
const ENTRANCES: Readonly<Record<Program, Readonly<Record<string, string>>>> = {
  agent: { toastbox: 'board/programs/agent.mjs', mqttjs: MQTTJS },
  gateway: {
    toastbox: 'board/programs/gateway.mjs',
    mqttjs: MQTTJS,
    copies: 'gateway/plain/worker.ts',
    verify: 'gateway/verify/process.ts',
  },
};

/** Where the gateway finds its two other files, in the checkout and in the bundle. */
const BESIDE: readonly (readonly [there: string, here: string])[] = [
  ['./worker.js', './copies.cjs'],
  ['../../gateway/verify/process.js', './verify.cjs'],
];

const MQTTJS_PARTS: Readonly<Record<string, string>> = {
  'mqtt/lib/client': 'client',
  'mqtt/lib/connect/ws': 'webSocket',
};

/** Under a name that the bundler does not take for a path of the sources. */
const MQTTJS_OUTSIDE = 'toastbox:mqttjs';

/** LMDB's native part, beside the gateway's files, and what it is in npm's package of it: for any Node with Node-API,
 * on glibc. The only one that there is for armv7. */
export const LMDB_NATIVE = 'lmdb.node';
export const LMDB_MEMBER = 'node.napi.glibc.node';
/** What LZ4 knows before it begins: a store is read with the one that it was written with. */
const LMDB_DICTIONARY = 'dict/dict.txt';
const WASM = ['toastbox.simd.wasm', 'toastbox.plain.wasm'];

export interface Bundle {
  directory: string;
  /** Bytes of each file that runs, and of the wasm. */
  bytes: Readonly<Record<string, number>>;
}

/** `as`: the version that it says it is; another than this checkout's, to see an upgrade. */
export async function bundle(
  program: Program,
  directory = join(BUILD, program),
  as = VERSION,
): Promise<Bundle> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const bytes: Record<string, number> = {};
  const modules = new Set<string>();
  for (const [name, entrance] of Object.entries(ENTRANCES[program])) {
    const input = entrance === MQTTJS ? MQTTJS : join(ROOT, entrance);
    const { code, from } = await oneFile(input, as, program === 'agent' ? [unhelpful()] : []);
    for (const module of from) modules.add(module);
    writeFileSync(join(directory, `${name}.cjs`), code);
    bytes[`${name}.cjs`] = Buffer.byteLength(code);
  }
  for (const name of WASM) copyFileSync(join(ROOT, 'build', name), join(directory, name));
  if (program === 'gateway') {
    const file = join(directory, LMDB_DICTIONARY);
    mkdirSync(dirname(file));
    copyFileSync(join(ROOT, 'node_modules', 'lmdb', LMDB_DICTIONARY), file);
  }
  writeFileSync(join(directory, 'toastbox'), launcher(), { mode: 0o755 });
  writeFileSync(join(directory, 'LICENSES'), licencesOf(modules));
  return { directory, bytes };
}

/** One entrance and all that it calls for, as text, and the modules that are in it. */
async function oneFile(
  input: string,
  as: string,
  more: readonly Plugin[],
): Promise<{ code: string; from: string[] }> {
  const build = await rolldown({
    input,
    cwd: ROOT,
    platform: 'node',
    // An extra of msgpackr that is looked for and may be missing.
    external: [/^node:/, 'msgpackr-extract', MQTTJS_OUTSIDE],
    plugins: [requiring(), beside(), mqttjs(), native(), versioned(as), ...more],
    logLevel: 'warn',
    onLog(_, { code, message }) {
      // ordered-binary makes its readers of text with eval; names that such code may see stay.
      if (code !== 'EVAL') throw new Error(message);
    },
  });
  try {
    const { output } = await build.generate({
      format: 'cjs',
      codeSplitting: false,
      minify: { compress: true, mangle: { keepNames: true }, codegen: true },
      comments: { legal: false },
    });
    const [chunk] = output;
    if (output.length !== 1 || chunk === undefined) throw new Error(`${input}: more than one file came out`);
    const code = inAscii(chunk.code).replaceAll(MQTTJS_OUTSIDE, MQTTJS_FILE);
    return { code, from: chunk.moduleIds };
  } finally {
    await build.close();
  }
}

/** `createRequire(import.meta.url)(...)` in our sources -> `require(...)`, which is followed. */
const requiring = (): Plugin => ({
  name: 'requiring',
  transform(code, id) {
    if (id.includes('node_modules') || id === NATIVE || !code.includes('createRequire')) return undefined;
    const followed = code
      .replace(/^import \{ createRequire \} from 'node:module';$/m, '')
      .replace(/^const require = createRequire\(import\.meta\.url\);$/m, '')
      .replace(/createRequire\(import\.meta\.url\)(?=\()/g, 'require')
      .replace(/(?<=require\()'(mqtt\/[^']+)'\)/g, (_, name: string) => {
        const part = MQTTJS_PARTS[name];
        if (part === undefined) throw new Error(`${id} requires ${name}, which is not in ${MQTTJS_FILE}`);
        return `'${MQTTJS_OUTSIDE}').${part}`;
      });
    if (followed.includes('createRequire')) throw new Error(`${id} requires in a way that is not known here`);
    return followed;
  },
});

/** What of MQTT.js our sources ask for. */
const mqttjs = (): Plugin => ({
  name: 'mqttjs',
  resolveId: name => (name === MQTTJS ? MQTTJS : undefined),
  load: id =>
    id === MQTTJS
      ? Object.entries(MQTTJS_PARTS)
          .map(([name, part]) => `export const ${part} = require(${JSON.stringify(name)});`)
          .join('\n')
      : undefined,
});

const beside = (): Plugin => ({
  name: 'beside',
  transform(code, id) {
    if (id.includes('node_modules') || !code.includes('new URL(')) return undefined;
    return BESIDE.reduce(
      (text, [there, here]) =>
        text.replaceAll(`new URL('${there}', import.meta.url)`, `new URL('${here}', import.meta.url)`),
      code,
    );
  },
});

/** Commands and options that an agent's program knows by name only, for a config file that serves a gateway too. */
const GATEWAYS = ['admitting.ts', 'keeping.ts'].map(file => join(ROOT, 'cli', 'options', file));
const TEXT = String.raw`(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")`;
const HELP = new RegExp(String.raw`\bhelp:\s*${TEXT}|\babout: \[\s*${TEXT}(?:,\s*${TEXT})*,?\s*\]`, 'g');

/** Their help is never asked for there: 4 KB. */
const unhelpful = (): Plugin => ({
  name: 'unhelpful',
  transform(code, id) {
    if (!GATEWAYS.includes(id)) return undefined;
    const rest = code.replace(HELP, text => (text.startsWith('about') ? 'about: []' : "help: ''"));
    if (/\bhelp: (?!'')|\babout: (?!\[\])/.test(rest))
      throw new Error(`${id}: help is written in another way`);
    return rest;
  },
});

const versioned = (as: string): Plugin => ({
  name: 'versioned',
  transform: (code, id) => (id === VERSION_FILE ? code.replace(`'${VERSION}'`, `'${as}'`) : undefined),
});
const VERSION_FILE = join(ROOT, 'agent', 'version.ts');

/** lmdb looks for its native part in packages of npm; here it stands beside. */
const native = (): Plugin => ({
  name: 'native',
  resolveId: name => (name === 'node-gyp-build-optional-packages' ? NATIVE : undefined),
  load: id =>
    id === NATIVE
      ? `import { createRequire } from 'node:module';
         const load = createRequire(import.meta.url);
         export default () => load('./${LMDB_NATIVE}');`
      : undefined,
});
const NATIVE = '\0lmdb-native';

const inAscii = (code: string): string =>
  code.replace(/[^\n -~\t]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
