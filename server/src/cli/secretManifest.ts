/** A Kubernetes Secret that holds a new key: the template that the editor uses, filled in. */

import { KEY_MARK, type KeyTemplateQuestion, keyTemplate, PASSPHRASE_MARK } from '../core/queries/keyTemplate.ts';
import { Workspace } from '../core/workspace.ts';

/** @param key only an armored key has several lines */
export function secretManifest(question: KeyTemplateQuestion, key: string, passphrase: string): string {
  const template = keyTemplate(new Workspace([]), question);
  if ('problem' in template) throw new Error('a template for no place in a file has no problems');
  const lines = key.replace(/[\r\n]+$/, '').split(/\r?\n/);
  const indented = lines.map((it, index) => (index === 0 || it === '' ? it : template.indent + it)).join('\n');
  // Functions, since `$&` in a replacement text would be read as a pattern.
  return template.text
    .replaceAll(KEY_MARK, () => indented)
    .replaceAll(PASSPHRASE_MARK, () => JSON.stringify(passphrase).slice(1, -1));
}
