/**
 * Makes one file of all commands out of what tsc compiled: Node.js spends more on finding and linking seventy modules
 * than on all that a short verb does. The library stays modules.
 */
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const OUT = 'dist/bin';
const { bin } = JSON.parse(readFileSync('package.json', 'utf8'));

const settings = {
  outdir: OUT,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  charset: 'ascii',
  // As deep below the package as the modules are, so that what they find relative to themselves is where it was.
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  logLevel: 'warning',
};

rmSync(OUT, { recursive: true, force: true });
await build({
  ...settings,
  entryPoints: ['dist/cli/bin/commands.js'],
  // Of the node service alone.
  external: ['prom-client'],
  // A script that is loaded with what V8 made of it before has no import().
  supported: { 'dynamic-import': false },
});
const hash = createHash('sha256')
  .update(readFileSync(`${OUT}/commands.cjs`))
  .digest('hex')
  .slice(0, 16);
await build({
  ...settings,
  entryPoints: ['dist/cli/bin/load.js'],
  define: { ...settings.define, SOURCE_HASH: JSON.stringify(hash) },
});
for (const [name, path] of Object.entries(bin)) {
  const program = name === 'cella' ? 'vzctl' : name;
  writeFileSync(path, `#!/usr/bin/env node\nrequire('./load.cjs').load().commands.run('${program}');\n`);
  chmodSync(path, 0o755);
}
