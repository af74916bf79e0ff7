/** The entry that VS Code's extension host in a browser loads: there is no Node here. */
import './browser.ts';

export { run } from '../suite/running.ts';
