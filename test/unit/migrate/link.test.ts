import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CellaError } from '../../../src/errors.js';
import { Link } from '../../../src/migrate/link.js';
import { expect as expectMessage, failed, RemoteError } from '../../../src/migrate/messages.js';

function pair(limit?: number): readonly [Link, Link, PassThrough, PassThrough] {
  const [one, other] = [new PassThrough(), new PassThrough()];
  return [new Link(one, other, { limit }), new Link(other, one), one, other];
}

async function* pieces(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const [i, size] of sizes.entries()) yield Buffer.alloc(size, i + 1);
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of source) all.push(piece);
  return Buffer.concat(all);
}

describe('a link', () => {
  it('carries messages, and bytes behind them, in pieces of any size', async () => {
    const [one, other] = pair();
    const sizes = [1, 0, 3_000_000, 65_536];
    const sending = one.send({ type: 'done' }).then(() => one.sendBytes(pieces(...sizes)));
    expect(await other.receive()).toEqual({ type: 'done' });
    const bytes = await gather(other.bytes());
    await sending;
    expect(bytes.equals(await gather(pieces(...sizes)))).toBe(true);
    await other.send({ type: 'kept' });
    expect(await one.receive()).toEqual({ type: 'kept' });
  });

  it('carries two streams beside messages, of which none waits for the other', async () => {
    const [one, other] = pair();
    const [asked, answered] = [new PassThrough(), new PassThrough()];
    const [asking, answers] = [new PassThrough(), new PassThrough()];
    one.carry(answers, asked);
    other.carry(asking, answered);
    asking.write('a question');
    await one.send({ type: 'beat' });
    expect(await other.receive()).toEqual({ type: 'beat' });
    await other.send({ type: 'whole' });
    for (let i = 0; i < 40; i += 1) answers.write(Buffer.alloc(100_000, i));
    answers.end();
    let bytes = 0;
    for await (const piece of answered) {
      bytes += (piece as Buffer).length;
      if (bytes === 4_000_000) break;
    }
    expect(await one.receive()).toEqual({ type: 'whole' });
    expect(asked.read()).toEqual(Buffer.from('a question'));
  });

  it('says that the other side is gone, or has nothing to say', async () => {
    const [one, , input] = pair();
    await expect(one.receive(20)).rejects.toThrow(/said nothing for 0.02 seconds/);
    input.end();
    const [two, , second] = pair();
    second.end();
    await expect(two.receive()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it.each([
    ['a frame longer than any', Buffer.from([0xff, 0xff, 0xff, 0xff, 1])],
    ['bytes where a message is due', Buffer.from([0, 0, 0, 1, 2, 0])],
    ['a message that is none', Buffer.from([0, 0, 0, 1, 1, 0x7b])],
    ['a frame of no kind', Buffer.from([0, 0, 0, 0, 9])],
  ])('refuses %s', async (_, bytes) => {
    const [one, , input] = pair();
    input.write(bytes);
    await expect(one.receive()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('holds back what is more than the limit', async () => {
    const [one, other] = pair(4 << 20);
    const began = Date.now();
    const sending = one.sendBytes(pieces(1 << 20, 1 << 20));
    await gather(other.bytes());
    await sending;
    expect(Date.now() - began).toBeGreaterThan(300);
  });
});

describe('messages', () => {
  it('throw what the other side has failed with', async () => {
    const [one, other] = pair();
    await other.send(failed(new CellaError('PRIVATE_EXISTS', 'it exists', { hint: 'Look.' })));
    const error = await expectMessage(one, ['welcome']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: 'PRIVATE_EXISTS', message: 'it exists (there)', hint: 'Look.' });
  });

  it('are refused where they do not belong, and so is what is no message', async () => {
    for (const said of [{ type: 'kept' }, null, 7, {}]) {
      const [one, other] = pair();
      await other.send(said as object);
      await expect(expectMessage(one, ['welcome', 'done'])).rejects.toThrow(
        "the other side did not say 'welcome' or 'done'",
      );
    }
  });
});
