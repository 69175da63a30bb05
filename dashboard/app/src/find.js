// How pages are found.

/** By a value of this parameter of the address, as these parameters of GET v1/connections. */
export const ways = {
  to: (to) => ({ to }),
  user: (user) => ({ to: `@user == ${JSON.stringify(user)}` }),
  id: (id) => ({ to: `@id == ${JSON.stringify(id)}` }),
  page_id: (page) => ({ to: `@page == ${JSON.stringify(page)}` }),
  address: (address) => ({ address }),
};

/** The query of GET v1/connections that finds at most so many pages; without a value, any. */
export const queryOf = (way, value, limit) => new URLSearchParams({ ...(value && ways[way](value)), limit: String(limit) }).toString();
