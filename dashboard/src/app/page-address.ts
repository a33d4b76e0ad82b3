/** Where a page is for the browser's history, which knows nothing of the prefix that the dashboard is served under. */
export const pageAddress = (basepath: string, href: string): string => basepath.replace(/\/$/, '') + href
