/** The entry that VS Code's extension host loads: `extensionTestsPath`. */
import './activation.ts';
import './decoded.ts';
import './files.ts';
import './findings.ts';
import './keys.ts';
import './language.ts';
import './overview.ts';
import './restore.ts';
import './targets.ts';

export { run } from './running.ts';
