/**
 * A glob of `.restorablerc` and of settings, matched against a path relative to the folder it is written for: `*` and `?` stay
 * within one step, `**` spans steps, `{a,b}` chooses. As in .gitignore a glob without a slash means a name at any depth, and
 * a folder means everything below it. Takes time in proportion to glob times path, whatever the glob.
 */
export function matchesGlob(glob: string, path: string): boolean {
  return alternatives(glob.replace(/^\.?\//, '')).some((it) => matchesSteps(stepsOf(it), path.split('/')));
}

function stepsOf(glob: string): string[] {
  const bare = glob.replace(/\/+$/, '');
  const steps = bare.split('/');
  return steps.length === 1 ? ['**', ...steps] : steps;
}

/** The longest prefix of the path decides: what matches a folder matches all that lies in it. */
function matchesSteps(glob: readonly string[], path: readonly string[]): boolean {
  // reached[i]: the first i steps of the glob can stand for the steps of the path that were read.
  let reached = new Set([0]);
  const skip = (from: ReadonlySet<number>) => {
    const all = new Set(from);
    for (const it of all) if (glob[it] === '**') all.add(it + 1);
    return all;
  };
  reached = skip(reached);
  for (const step of path) {
    if (reached.has(glob.length)) return true;
    const next = new Set<number>();
    for (const it of reached) {
      const pattern = glob[it];
      if (pattern === '**') next.add(it);
      else if (pattern !== undefined && matchesStep(pattern, step)) next.add(it + 1);
    }
    reached = skip(next);
    if (reached.size === 0) return false;
  }
  return reached.has(glob.length);
}

function matchesStep(pattern: string, step: string): boolean {
  let at = 0;
  let star = -1;
  let retry = 0;
  let i = 0;
  while (i < step.length) {
    if (pattern[at] === '*') {
      star = at++;
      retry = i;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === step[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++retry;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}

/** `a{b,c}` as `ab` and `ac`; a handful of braces at most, more are taken as they stand. */
function alternatives(glob: string, depth = 0): string[] {
  const [whole, inner] = /\{([^{}]*)\}/.exec(glob) ?? [];
  if (whole === undefined || inner === undefined || depth >= 4) return [glob];
  return inner.split(',').flatMap((it) =>
    alternatives(
      glob.replace(whole, () => it),
      depth + 1,
    ),
  );
}
