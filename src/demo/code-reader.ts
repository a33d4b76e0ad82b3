import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** An exported function or class of a module. */
export interface Offered {
  name: string
  /** The first paragraph of its comment; empty if it has none. */
  says: string
  code: string
}

export interface Module {
  /** `src/roman.js` */
  path: string
  name: string
  text: string
  lines: number
  offers: Offered[]
}

export interface TestFile {
  path: string
  /** The module that it tests. */
  name: string
  tests: string[]
}

/** Reads one module, well enough for this project; not a parser of the language. */
export function readModule(path: string, text: string): Module {
  const declared = /(?:\/\*\* ((?:(?!\*\/)[\s\S])*?)\s*\*\/\n)?^export (?:async )?(?:function|class) (\w+)[\s\S]*?^\}/gm
  const offers = [...text.matchAll(declared)].map(([all, comment = '', name = '']) => ({
    name,
    says: comment.replaceAll(/\s*\n \* ?/g, ' ').trim(),
    code: all.slice(all.indexOf('export ')),
  }))
  return { path, name: path.replace(/^.*\/|\.js$/g, ''), text, lines: text.trimEnd().split('\n').length, offers }
}

export async function listModules(project: string): Promise<string[]> {
  return (await readdir(join(project, 'src'))).sort().map(file => `src/${file}`)
}

export const readFileOf = (project: string, path: string): Promise<string> => readFile(join(project, path), 'utf8')

export async function readTests(project: string): Promise<TestFile[]> {
  const files = (await readdir(join(project, 'test'))).sort()
  return Promise.all(
    files.map(async file => {
      const text = await readFileOf(project, `test/${file}`)
      const tests = [...text.matchAll(/^export const (\w+)/gm)].map(([, name]) => name!)
      return { path: `test/${file}`, name: file.replace('.js', ''), tests }
    }),
  )
}
