import { type Disposable, languages, type TextDocument, workspace } from 'vscode';

/** Languages that VS Code gives to a `.conf` file it knows nothing about. */
const GUESSED = new Set(['properties', 'ini', 'plaintext']);

/** As in `repo1-path=` or `pg1-path =`: no other `.conf` format names its options like that. */
const INDEXED_OPTION = /^[ \t]*(?:repo|pg)\d+-[a-z][a-z0-9-]*[ \t]*=/m;

/** A section that only pgBackRest has. */
const COMMAND_SECTION = /^[ \t]*\[global:[a-z-]+\][ \t]*$/m;

const headCharacters = 20_000;

/**
 * Gives `conf.d/*.conf` files with pgBackRest options their language. Names cannot decide here: nginx, PostgreSQL and many
 * others keep files of that name.
 */
export function registerDetection(): Disposable {
  // Once for each file, so that a person who picks another language keeps it.
  const asked = new Set<string>();
  const detect = (document: TextDocument): void => {
    const uri = document.uri.toString();
    if (!GUESSED.has(document.languageId) || !document.uri.path.endsWith('.conf') || asked.has(uri)) return;
    if (!isPgbackrestConf(document.getText().slice(0, headCharacters))) return;
    asked.add(uri);
    void languages.setTextDocumentLanguage(document, 'pgbackrest-conf');
  };
  workspace.textDocuments.forEach(detect);
  return workspace.onDidOpenTextDocument(detect);
}

export function isPgbackrestConf(text: string): boolean {
  return INDEXED_OPTION.test(text) || COMMAND_SECTION.test(text);
}
