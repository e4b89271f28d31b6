// Calls functions of ours in the network namespace that it is started in: a line {module, name, args} → {value | error};
// without a module, of run-main.mjs.
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';

const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
// {open: PATH} becomes a descriptor.
const argument = (value) => (typeof value?.open === 'string' ? openSync(value.open, 'r') : value);

async function call({ module, name, args }) {
  try {
    const functions = await import(module ?? './run-main.mjs');
    return { value: await functions[name](...args.map(argument)) };
  } catch ({ code, message }) {
    return { error: { code, message } };
  }
}

let last = Promise.resolve();
createInterface({ input: process.stdin }).on('line', (line) => {
  last = last.then(async () =>
    process.stdout.write(`${JSON.stringify(await call(JSON.parse(line)), plain)}\n`),
  );
});
