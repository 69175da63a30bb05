// Audiences as text (docs/audiences.md).

/** The audience of the pages that have these labels; a key whose value is undefined is one that they lack. */
export const audienceOf = (labels) =>
  Object.entries(labels)
    .map(([key, value]) => (value === undefined ? `!has(${key})` : `${key} == ${JSON.stringify(value)}`))
    .join(" && ");
