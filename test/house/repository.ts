import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Compiled tests are in dist/test/house. */
export const root = new URL('../../../', import.meta.url)

/** Every file of the repository, as a path from its root: tracked files, and new files that are not ignored. */
export const files: readonly string[] = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  { cwd: fileURLToPath(root), encoding: 'utf8' },
)
  .split('\0')
  .filter(path => path !== '')
  .filter(path => existsSync(new URL(path, root)))
  .sort()

const texts = new Map<string, string>()
export function read(path: string): string {
  const text = texts.get(path) ?? readFileSync(new URL(path, root), 'utf8')
  texts.set(path, text)
  return text
}

export const isTest = (path: string): boolean =>
  /(^|\/)test\/|\.test\.tsx?$|^packages\/\w+\/src\/(samples|testing)\//.test(path)

/** TypeScript that runs in production. */
export const sources = files.filter(path => /\.tsx?$/.test(path) && !isTest(path))

/** The cells of every Markdown table row that begins with inline code. */
export function tableRows(markdown: string): string[][] {
  return [...markdown.matchAll(/^\|(.*)\|$/gm)]
    .map(([, row]) => row!.split(/(?<!\\)\|/).map(cell => cell.trim()))
    .filter(row => row[0]?.startsWith('`'))
}

export const unquoted = (cell = ''): string => /^`([^`]*)`/.exec(cell)?.[1] ?? cell

/** The fenced code blocks of a page in one language. */
export const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code!)
