import { expect, it } from 'vitest';
import { CellaError, isFull } from '../../src/errors.js';

const errno = (code: string): Error => Object.assign(new Error(code), { code });

it.each([
  [true, errno('ENOSPC')],
  [true, errno('EDQUOT')],
  [true, new CellaError('IMAGE_FAILED', 'outer', { cause: errno('ENOSPC') })],
  [true, new CellaError('SYSTEM', "cp failed: cp: error writing 'x': No space left on device")],
  [true, new Error('outer', { cause: new Error('tar: x: Disk quota exceeded') })],
  [false, errno('EROFS')],
  [false, 'ENOSPC'],
  [false, undefined],
])('whether no space is left: %s for %s', (full, error) => expect(isFull(error)).toBe(full));
