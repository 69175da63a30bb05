/** A push's place in the log, `epoch-seq`: a new epoch is another log. */
const parts = (position: string): [epoch: string, seq: number] => {
  const [epoch, seq] = position.split("-");
  return [epoch, Number(seq)];
};

/** Whether a position is not after another one of the same log. */
export function isPast(position: string, last: string): boolean {
  const [epoch, seq] = parts(position), [lastEpoch, lastSeq] = parts(last);
  return epoch === lastEpoch && seq <= lastSeq;
}

/** The newest members of a set, which forgets the oldest ones. */
export function createMemory(size: number): { has(member: string): boolean; add(member: string): void } {
  const members = new Set<string>();
  return {
    has: (member) => members.has(member),
    add(member) {
      members.add(member);
      if (members.size > size) members.delete(members.values().next().value!);
    },
  };
}
