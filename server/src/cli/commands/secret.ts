import { UsageError } from '../arguments.ts';
import { command } from '../command.ts';

export const secret = command({
  name: 'secret',
  summary: 'turn a Kubernetes Secret from stringData to data or back',
  usage: ['secret encode|decode FILE'],
  description: [],
  options: {},
  examples: [{ line: '', what: '' }],
  async run() {
    throw new UsageError('not yet');
  },
});
