import manifest from '../../../package.json' with { type: 'json' };

/** Of the package, and so of the reports and findings it prints. */
export const version: string = manifest.version;
