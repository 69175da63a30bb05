// What somebody may not change, or use.

/** Its children behind a lock. why is its title, and is read out. */
export const Locked = ({ why, children }) => (
  <span title={why}>
    <svg class="lock" viewBox="0 0 12 12" aria-hidden="true"><path d="M2 5h8v6H2zM3.5 5V3.5a2.5 2.5 0 0 1 5 0V5" /></svg>
    {children}
    <span class="unseen"> {why}</span>
  </span>
);
