import type { Finding, Fix } from '../finding.ts';
import type { Edit, Place } from '../part.ts';

/** The safe fixes of some findings that can be made together: one per finding, none touching the text of another. */
export function fixAll(findings: readonly Finding[]): Edit[] {
  return safeFixes(findings).flatMap((it) => it.fix.edits);
}

/** As `fixAll`, with the finding that each fix is for. */
export function safeFixes(findings: readonly Finding[]): { finding: Finding; fix: Fix }[] {
  const chosen: { finding: Finding; fix: Fix }[] = [];
  const taken: Edit[] = [];
  for (const finding of findings) {
    const fix = finding.fixes.find(isSafe);
    if (!fix || fix.edits.some((it) => taken.some((other) => collide(it.at, other.at)))) continue;
    chosen.push({ finding, fix });
    taken.push(...fix.edits);
  }
  return chosen;
}

function isSafe({ isSafe, edits, command, newFile }: Fix): boolean {
  return isSafe === true && edits.length > 0 && !command && !newFile;
}

/** Two insertions at one place collide as well: their order would be left to the editor. */
function collide(a: Place, b: Place): boolean {
  if (a.part !== b.part) return false;
  return a.start === b.start || (a.start < b.end && b.start < a.end);
}
