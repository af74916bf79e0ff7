import { useRunner } from '../../engine/src/pool.ts';
import { runJob } from '../../engine/src/run.ts';

// Tests run from the sources: there is no bundled worker beside the pool, so jobs run on the test's own thread.
useRunner(runJob);
