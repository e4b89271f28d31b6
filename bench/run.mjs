/** npm run bench -- NAME runs one bench; --list lists them. Each ends with RESULT lines. */
import { readdirSync } from 'node:fs';

const [name] = process.argv.slice(2);
const benches = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.bench.mjs'))
  .map((file) => file.replace('.bench.mjs', ''));

if (name === '--list') console.log(benches.join('\n'));
else if (benches.includes(name)) await import(`./${name}.bench.mjs`);
else {
  console.error(`no bench '${name ?? ''}': choose one of ${benches.join(', ')}`);
  process.exitCode = 20;
}
