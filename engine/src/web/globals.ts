/** What Node has as a global and a browser has not; esbuild puts it where it is used. */
export { Buffer } from 'buffer';
