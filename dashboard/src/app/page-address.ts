/** The address of a page for the browser's history, which needs the prefix that the dashboard is served under. */
export const pageAddress = (basepath: string, href: string): string => basepath.replace(/\/$/, '') + href
