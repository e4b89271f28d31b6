/** Recognising the root file system among others, and what it says of itself. */
import { existsBeneath, isPlainDirectory, readBeneath } from './beneath.js';

/** With /usr on a volume of its own, links into it lead nowhere yet: that they are there is enough. */
export function isRootTree(root: string): boolean {
  if (!isPlainDirectory(root, 'etc')) return false;
  if (existsBeneath(root, 'etc/os-release')) return true;
  const hasInit = existsBeneath(root, 'sbin/init') || existsBeneath(root, 'usr/lib/systemd/systemd');
  return hasInit && existsBeneath(root, 'etc/passwd');
}

/** PRETTY_NAME of os-release(5), fit for a terminal; "" where there is none. */
export function prettyName(root: string): string {
  const text = readBeneath(root, 'etc/os-release') ?? readBeneath(root, 'usr/lib/os-release') ?? '';
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1] ?? '';
  return value
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .replace(/\\(.)/g, '$1')
    .replace(/\p{C}/gu, '')
    .slice(0, 128);
}
