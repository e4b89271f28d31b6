/** Which distributions a guest is one of, as its os-release(5) says: that decides where its settings are. */

export type Family = 'debian' | 'redhat' | 'alpine' | 'suse' | 'arch' | 'generic';

/** Ids that say what they are by themselves; others are like one of these (ID_LIKE). */
const IDS: Readonly<Record<string, Family>> = {
  debian: 'debian',
  ubuntu: 'debian',
  devuan: 'debian',
  rhel: 'redhat',
  centos: 'redhat',
  fedora: 'redhat',
  almalinux: 'redhat',
  rocky: 'redhat',
  ol: 'redhat',
  amzn: 'redhat',
  alpine: 'alpine',
  suse: 'suse',
  opensuse: 'suse',
  sles: 'suse',
  sled: 'suse',
  arch: 'arch',
};

/** `osRelease`: the file's text; without it, or of a distribution that is like none of the known, generic. */
export function familyOf(osRelease: string | undefined): Family {
  const fields = osRelease === undefined ? new Map<string, string>() : parseFields(osRelease);
  const names = [fields.get('ID') ?? '', ...(fields.get('ID_LIKE') ?? '').split(/\s+/)];
  for (const name of names) {
    if (Object.hasOwn(IDS, name)) return IDS[name] ?? 'generic';
    if (/^(opensuse|sle)-/.test(name)) return 'suse';
  }
  return 'generic';
}

/** Shell assignments without anything that a shell would expand. */
function parseFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(?:"([^"]*)"|'([^']*)'|([^\s"']*))\s*$/.exec(line);
    if (match) fields.set(match[1] ?? '', match[2] ?? match[3] ?? match[4] ?? '');
  }
  return fields;
}
