// Close codes: those of closecode.go, and what a client does about each is in docs/protocol.md. Over an event stream a
// refusal's code is 4000 and its HTTP status, which comes to the same.
export const DONE = 1000;
export const LOST = 1006; // WebSocket's own: the connection is gone, or was never there, and nobody has said why
export const DEAD = 4000; // this client's own: the server is silent, or no token could be had
export const YIELDED = 4001; // this client's own: other pages of the site need the connection more
export const BAD_MESSAGE = 4400;
export const UNAUTHORIZED = 4401;
export const FORBIDDEN = 4403;
export const NO_EVENT_STREAM = 4404; // this client's own
export const REPLACED = 4409; // a backend's, by POST /v1/disconnect: another page has taken the place of this one
export const TOO_MANY = 4429;
export const GOING_AWAY = 4503;
