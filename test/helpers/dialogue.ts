/** Bash's own way to a port: says a line for each answer that begins as expected, and prints what it is told. */
export function dialogue(
  [address, port]: readonly [address: string, port: number],
  lines: readonly (readonly [answer: string, say: string])[],
): string {
  const steps = lines.map(
    ([answer, say]) =>
      `while read -r -t 20 line <&3; do echo "$line"; case $line in '${answer}'*) break ;; esac; done; printf '%s\\r\\n' '${say}' >&3`,
  );
  return `exec bash -c "${`exec 3<>/dev/tcp/${address}/${port}; ${steps.join('; ')}; cat <&3`.replace(/["$`\\]/g, '\\$&')}"`;
}
