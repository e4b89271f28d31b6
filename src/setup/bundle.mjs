/**
 * Makes one file of each command out of what tsc compiled: Node.js spends more on finding and linking seventy modules
 * than on all that a short verb does. The library stays modules.
 */
import { build } from 'esbuild';

const NAMES = [
  'cella',
  'vzctl',
  'vzlist',
  'vzdump',
  'vzrestore',
  'vzps',
  'vzpid',
  'vztop',
  'vzubc',
  'vznetstat',
];

await build({
  entryPoints: NAMES.map((name) => `dist/cli/bin/${name}.js`),
  outdir: 'dist/bin',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  // Of the node service alone.
  external: ['prom-client'],
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // As deep below the package as the modules are, so that what they find relative to themselves is where it was.
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
});
