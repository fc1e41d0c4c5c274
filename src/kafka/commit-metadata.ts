/** Commits of workers say that they are: an offset without it was set by hand. */
export const COMMIT_METADATA = 'group-traits'
