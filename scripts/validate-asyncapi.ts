import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { asyncApiDocument } from '../src/reference/asyncapi.ts'

interface Diagnostic {
  severity: number
  message: string
  path: (string | number)[]
}
interface OfficialParser {
  Parser: new () => { parse(text: string): Promise<{ document?: unknown; diagnostics: Diagnostic[] }> }
}

/**
 * The official parser is larger than all of Fleetwire's dependencies together, so it is not one of them. `npm exec`
 * downloads it for this run (npm run test:asyncapi) and puts its folder first on the PATH.
 */
const [bin = ''] = (process.env.PATH ?? '').split(delimiter)
const { Parser } = createRequire(join(bin, '..', 'here.js'))('@asyncapi/parser') as OfficialParser

const server = { host: 'fleet.example', protocol: 'wss', pathname: '' } as const
const told = JSON.stringify(asyncApiDocument({ version: '1.0.0', server, queryToken: true }))
const { document, diagnostics } = await new Parser().parse(told)
const errors = diagnostics.filter(({ severity }) => severity === 0)
const lines = errors.map(({ path, message }) => `${path.join('.')}: ${message}`)
const isValid = document !== undefined && errors.length === 0
if (isValid) lines.push('The AsyncAPI document is valid, says the official parser.')
else process.exitCode = 1
process.stdout.write(`${lines.join('\n')}\n`)
