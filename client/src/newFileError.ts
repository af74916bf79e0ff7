/** What the user is told as it is. Its message holds no secret. */
export class NewFileError extends Error {}
