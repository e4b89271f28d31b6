// Calls functions of ours in the network namespace that it is started in: a line {module, name, args} → {value | error};
// without a module, of run-main.mjs. {module, name, each}: once for each list of arguments, at one time → {value: codes}.
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';

const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
// {open: PATH} becomes a descriptor.
const argument = (value) => (typeof value?.open === 'string' ? openSync(value.open, 'r') : value);

async function call({ module, name, args, each }) {
  try {
    const functions = await import(module ?? './run-main.mjs');
    if (each) {
      const ends = await Promise.allSettled(each.map((own) => functions[name](...own.map(argument))));
      return { value: ends.map(({ reason }) => reason?.code ?? null) };
    }
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
