import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * Ends a vitest run with the one line that `.ci/run` adds up; before it, a line for each test that failed or that needed
 * a second try, so that a log of which only the end was kept still says which.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message?: string }[]): void {
    let passed = 0;
    let skipped = 0;
    const failed = errors.map((it) => `outside of any test: ${firstLine(it.message)}`);
    const repeated: string[] = [];
    for (const module of modules) {
      failed.push(...module.errors().map((it) => `${module.relativeModuleId}: ${firstLine(it.message)}`));
      for (const test of module.children.allTests()) {
        const { state, errors: reasons } = test.result();
        const name = nameOf(module, test);
        if (state === 'failed') failed.push(`${name}: ${firstLine(reasons[0]?.message)}`);
        else if (state === 'passed') passed++;
        else skipped++;
        if (test.diagnostic()?.flaky) repeated.push(name);
      }
    }
    const lines = [
      ...repeated.map((it) => `SECOND TRY: ${it}`),
      ...failed.map((it) => `FAILED: ${it}`),
      `${passed} passed, ${failed.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    ];
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}

function nameOf(module: TestModule, test: TestCase): string {
  return `${module.relativeModuleId} > ${test.fullName}`;
}

function firstLine(message = 'no reason given'): string {
  return message.split('\n', 1)[0] ?? '';
}
