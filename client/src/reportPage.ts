import { l10n } from 'vscode';
import type { Inspection } from '../../engine/src/job.ts';
import type { Report, Tick, Verdict } from '../../engine/src/report.ts';
import { formatBytes, formatSeconds } from './remaining.ts';

/** Failed files shown one by one; the rest is counted, and the saved report has them all. */
const shownFailures = 50;

/**
 * The page for one run of test-restore: static HTML without a script. The policy allows nothing but its own style sheet,
 * since paths and labels come from an archive that nobody has to trust.
 *
 * @param nonce for the style sheet; base64
 */
export function reportPage(reports: Report[], nonce: string): string {
  return page(nonce, l10n.t('Test restore'), reports.map(reportSection).join('<hr>'));
}

export function inspectionPage(
  { path, format, isEncrypted, facts, opensWith, problems, keys = [] }: Inspection,
  nonce: string,
): string {
  const state =
    isEncrypted === true
      ? l10n.t('Encrypted')
      : isEncrypted === false
        ? l10n.t('Not encrypted')
        : l10n.t('Cannot tell whether it is encrypted');
  return page(
    nonce,
    l10n.t('Archive'),
    `<section>
      <header class="${styleOf(isEncrypted)}">
        ${icon(isEncrypted)}
        <div><h1>${escaped(state)}</h1><p class="path">${escaped(path)}</p></div>
      </header>
      ${list(l10n.t('Problems'), problems, 'problems')}
      ${table([[l10n.t('Format'), format], ...facts])}
      ${list(l10n.t('What would open it'), opensWith)}
      ${triedKeys(keys)}
    </section>`,
  );
}

function triedKeys(keys: NonNullable<Inspection['keys']>): string {
  if (keys.length === 0) return '';
  const opens = (it: boolean | null): string =>
    it === true ? l10n.t('opens it') : it === false ? l10n.t('does not open it') : l10n.t('perhaps');
  const rows = keys.map(
    (it) =>
      `<tr><td>${escaped(it.source)}</td><td>${escaped(opens(it.opens))}</td><td>${escaped(sentence(it.detail))}</td></tr>`,
  );
  return `<h2>${escaped(l10n.t('Keys of this workspace'))}</h2>
    <table class="columns">
      ${columns([l10n.t('Key'), l10n.t('Verdict'), l10n.t('Why')])}
      <tbody>${rows.join('')}</tbody>
    </table>`;
}

function columns(titles: string[]): string {
  return `<thead><tr>${titles.map((it) => `<th scope="col">${escaped(it)}</th>`).join('')}</tr></thead>`;
}

function reportSection(report: Report): string {
  const { archive, failure, verdict, because } = report;
  // Not every format can prove itself: then nothing has failed, and nothing may be promised either.
  const state = failure ? false : verdict.restorable;
  const headline = failure
    ? FAILURE_TITLE[failure.code]()
    : state === true
      ? l10n.t('Restorable')
      : l10n.t('Opened, not proven to restore');
  const ticks: [keyof Verdict, string][] = [
    ['decrypted', l10n.t('Decrypted')],
    ['authentic', l10n.t('Authentic')],
    ['complete', l10n.t('Complete')],
    ['restorable', l10n.t('Restorable')],
  ];
  return `<section>
    <header class="${styleOf(state)}">
      ${icon(state)}
      <div><h1>${escaped(headline)}</h1><p class="path">${escaped(archive)}</p></div>
    </header>
    ${failure ? failureBox(failure) : ''}
    <ol class="ticks">
      ${ticks.map(([name, label]) => tick(label, verdict[name], because[name])).join('')}
      ${startTick(report)}
    </ol>
    ${table(facts(report))}
    ${keysTable(report)}
    ${failedFiles(report)}
    ${list(l10n.t('Notes'), report.notes)}
    <p class="actions">
      <a class="button" href="command:restorable.saveReport">${escaped(l10n.t('Save Report…'))}</a>
    </p>
  </section>`;
}

const FAILURE_TITLE: Record<NonNullable<Report['failure']>['code'], () => string> = {
  usage: () => l10n.t('Not checked'),
  'wrong-key': () => l10n.t('Wrong key'),
  damaged: () => l10n.t('Damaged'),
  truncated: () => l10n.t('Cut off'),
  'not-encrypted': () => l10n.t('Not encrypted'),
  unsupported: () => l10n.t('Not supported'),
  hostile: () => l10n.t('Refused: the archive tries to do harm'),
  io: () => l10n.t('Could not be read or written'),
  incomplete: () => l10n.t('Incomplete'),
  cancelled: () => l10n.t('Cancelled'),
};

function failureBox({ code, stage, path, offset, message, hint }: NonNullable<Report['failure']>): string {
  const place = [
    stage,
    path,
    typeof offset === 'number' ? l10n.t('byte {0}', offset.toLocaleString('en-US')) : undefined,
  ]
    .filter((it) => it !== undefined)
    .map((it) => `<code>${escaped(it)}</code>`)
    .join(' · ');
  return `<div class="failure" role="alert">
    <p>${escaped(sentence(message))}</p>
    ${hint ? `<p>${escaped(sentence(hint))}</p>` : ''}
    <p class="place"><code>${escaped(code)}</code> · ${place}</p>
  </div>`;
}

function tick(label: string, state: Tick, why: string): string {
  const word = state === true ? l10n.t('yes') : state === false ? l10n.t('no') : l10n.t('cannot be proven');
  return `<li class="${styleOf(state)}">
    ${icon(state)}<h2>${escaped(label)} <span class="word">${escaped(word)}</span></h2><p>${escaped(sentence(why))}</p>
  </li>`;
}

/** The last tick there is; only shown where it was asked for. What a loaded dump says of itself stands in its own tick. */
function startTick({ started, loaded, failure }: Report): string {
  if (loaded || (!started && failure?.stage !== 'start')) return '';
  const state = started ? failure === null : failure?.code === 'unsupported' ? null : false;
  if (!started) return tick(l10n.t('Started'), state, failure?.message ?? '');
  const { version, recoveredTo, databases, tables, checkedBy, checksums } = started;
  const said = [
    recoveredTo?.lsn
      ? l10n.t('PostgreSQL {0} started and recovered to {1}', version, recoveredTo.lsn)
      : l10n.t('PostgreSQL {0} started', version),
    l10n.t('tables: {0}, databases: {1}', tables, databases),
    checkedBy === 'pg_amcheck' ? l10n.t('pg_amcheck found nothing wrong') : l10n.t('every table was read'),
    ...(checksums ? [l10n.t('every page has its checksum')] : []),
  ];
  return tick(l10n.t('Started'), state, said.join(', '));
}

function facts({ format, backup, files, bytes, seconds, restoredTo }: Report): [string, string][] {
  const rows: [string, string][] = [[l10n.t('Format'), format]];
  if (backup) rows.push([l10n.t('Backup'), [backup.label, backup.type].filter(Boolean).join(', ')]);
  if (files.total > 0) {
    rows.push([
      l10n.t('Files'),
      l10n.t('{0} of {1} verified', files.verified.toLocaleString('en-US'), files.total.toLocaleString('en-US')),
    ]);
  }
  rows.push([
    l10n.t('Size'),
    l10n.t('{0} stored, {1} of contents', formatBytes(bytes.read), formatBytes(bytes.restored)),
  ]);
  rows.push([
    l10n.t('Time'),
    seconds > 0.05
      ? l10n.t('{0}, {1} a second', duration(seconds), formatBytes(bytes.read / seconds))
      : duration(seconds),
  ]);
  rows.push([l10n.t('Written to'), restoredTo ?? l10n.t('nowhere: the contents were checked only')]);
  return rows;
}

/** Which key opened what: one, or a chain of them in which each is found in what the one before has opened. */
function keysTable({ keys }: Report): string {
  if (keys.length === 0) return '';
  const rows = keys.map(({ source, fingerprint, opens }) =>
    [source, opens ?? '', fingerprint ?? ''].map(
      (it, index) => `<td${index === 2 ? ' class="path"' : ''}>${escaped(it)}</td>`,
    ),
  );
  return `<h2>${escaped(l10n.t('Keys'))}</h2>
    <table class="columns">
      ${columns([l10n.t('Key'), l10n.t('Opens'), l10n.t('Fingerprint')])}
      <tbody>${rows.map((cells) => `<tr>${cells.join('')}</tr>`).join('')}</tbody>
    </table>`;
}

function failedFiles({ files: { failed } }: Report): string {
  if (failed.length === 0) return '';
  const rows = failed
    .slice(0, shownFailures)
    .map(
      ({ path, code, offset, message }) =>
        `<tr><td class="path">${escaped(path)}</td><td><code>${escaped(code)}</code></td><td>${offset === null ? '' : escaped(offset.toLocaleString('en-US'))}</td><td>${escaped(sentence(message))}</td></tr>`,
    );
  const more = failed.length - shownFailures;
  return `<h2>${escaped(l10n.t('Files that failed'))}</h2>
    <table class="columns">
      ${columns([l10n.t('File'), l10n.t('What'), l10n.t('Byte'), l10n.t('Why')])}
      <tbody>${rows.join('')}</tbody>
    </table>
    ${more > 0 ? `<p>${escaped(l10n.t('and {0} more', more))}</p>` : ''}`;
}

function table(rows: [string, string][]): string {
  return `<table class="facts"><tbody>${rows
    .map(([label, value]) => `<tr><th scope="row">${escaped(label)}</th><td>${escaped(value)}</td></tr>`)
    .join('')}</tbody></table>`;
}

function list(title: string, entries: string[], style = ''): string {
  if (entries.length === 0) return '';
  return `<h2>${escaped(title)}</h2><ul class="${style}">${entries.map((it) => `<li>${escaped(sentence(it))}</li>`).join('')}</ul>`;
}

/** Two decimals below ten seconds, since small archives take less than one. */
function duration(seconds: number): string {
  return seconds < 10 ? l10n.t('{0} s', seconds.toFixed(2)) : formatSeconds(seconds);
}

/**
 * Messages of the engine start small and have no full stop, so that they can stand inside other sentences. A name at the
 * start (`repo1-path`, `base/5/1259`) stays as it is.
 */
function sentence(text: string): string {
  if (text === '') return '';
  const first = text.replace(/^[a-z](?=[a-z]*[\s,:])/, (it) => it.toUpperCase());
  return /[.!?…)]$/.test(first) ? first : `${first}.`;
}

function styleOf(state: Tick): 'yes' | 'no' | 'open' {
  return state === true ? 'yes' : state === false ? 'no' : 'open';
}

function icon(state: Tick): string {
  const shape =
    state === true
      ? '<path d="M4.5 8.4l2.4 2.4 4.7-5.2"/>'
      : state === false
        ? '<path d="M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4"/>'
        : '<path d="M5.9 6.2a2.1 2.1 0 1 1 3 1.9c-.6.3-.9.6-.9 1.3"/><path d="M8 11.6v.1"/>';
  return `<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7"/>${shape}</svg>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`).replace(UNPRINTABLE, '\u{fffd}');
}

/** Control characters and marks that turn the direction of text: a file name must not be able to disguise itself. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it is for
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function page(nonce: string, title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'nonce-${nonce}'; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body><main>${body}</main></body>
</html>`;
}

const STYLE = `
  body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 2rem 3rem; line-height: 1.5; color: var(--vscode-foreground); font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); }
  h1 { margin: 0; font-size: 1.7em; font-weight: 600; }
  h2 { margin: 1.8rem 0 .4rem; font-size: 1.05em; font-weight: 600; }
  p { margin: .2rem 0; }
  hr { margin: 2.5rem 0; border: 0; border-top: 1px solid var(--vscode-widget-border, var(--vscode-editorGroup-border)); }
  code, .path { font-family: var(--vscode-editor-font-family); font-size: .95em; overflow-wrap: anywhere; }
  .path { color: var(--vscode-descriptionForeground); }
  header { display: flex; align-items: center; gap: 1rem; margin-bottom: 1.2rem; }
  header .icon { width: 3rem; height: 3rem; flex: none; }
  .icon { fill: none; stroke: currentColor; stroke-width: 1.4; stroke-linecap: round; stroke-linejoin: round; }
  .icon circle { stroke: none; fill: currentColor; opacity: .16; }
  .yes > .icon { color: var(--vscode-charts-green, #388a34); }
  .no > .icon { color: var(--vscode-charts-red, #e51400); }
  .open > .icon { color: var(--vscode-descriptionForeground); }
  .ticks { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: .8rem; margin: 1.2rem 0; padding: 0; list-style: none; }
  .ticks li { display: grid; grid-template-columns: auto 1fr; align-content: start; column-gap: .8rem; padding: .8rem 1rem; border: 1px solid var(--vscode-widget-border, var(--vscode-editorGroup-border, transparent)); border-radius: 6px; background: var(--vscode-editorWidget-background); }
  .ticks .icon { width: 1.7rem; height: 1.7rem; grid-row: span 2; margin-top: .1rem; }
  .ticks h2 { margin: 0; font-size: 1em; }
  .ticks p { color: var(--vscode-descriptionForeground); }
  .word { margin-left: .6em; font-weight: 400; }
  .failure { margin: 1rem 0; padding: .7rem 1rem; border-left: 4px solid var(--vscode-charts-red, #e51400); border-radius: 0 6px 6px 0; background: var(--vscode-editorWidget-background); }
  .failure .place { color: var(--vscode-descriptionForeground); }
  .problems li::marker { content: "✗  "; color: var(--vscode-charts-red, #e51400); }
  table { width: 100%; border-collapse: collapse; }
  th { text-align: left; font-weight: 400; }
  .facts { margin-top: 1.2rem; }
  .facts th { width: 9rem; padding: .25rem 1rem .25rem 0; vertical-align: top; color: var(--vscode-descriptionForeground); }
  .facts td { padding: .25rem 0; overflow-wrap: anywhere; }
  .facts tr + tr > * { border-top: 1px solid var(--vscode-widget-border, transparent); }
  .columns th { padding: .3rem .8rem .3rem 0; color: var(--vscode-descriptionForeground); border-bottom: 1px solid var(--vscode-widget-border, currentColor); }
  .columns td { padding: .3rem .8rem .3rem 0; vertical-align: top; }
  ul { margin: .2rem 0; padding-left: 1.3rem; }
  .actions { margin-top: 1.8rem; }
  .button { display: inline-block; padding: .35rem .9rem; border-radius: 3px; text-decoration: none; color: var(--vscode-button-foreground); background: var(--vscode-button-background); border: 1px solid var(--vscode-button-border, transparent); }
  .button:hover { background: var(--vscode-button-hoverBackground); color: var(--vscode-button-foreground); }
  .button:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
  .vscode-high-contrast .icon circle, .vscode-high-contrast-light .icon circle { fill: none; stroke: currentColor; opacity: 1; }
`;
