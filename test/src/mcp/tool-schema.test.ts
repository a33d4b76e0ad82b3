import { test } from 'tap'
import { annotationsOf } from '../../../src/mcp/tool.ts'
import { toolSchema } from '../../../src/mcp/tool-schema.ts'
import { tools } from '../../../src/mcp/tool-table.ts'
import { read, tableRows, unquoted } from '../../house/repository.ts'

const send = tools.find(tool => tool.name === 'send_command')!

const judge = async (args: unknown): Promise<unknown> => {
  const result = await toolSchema(send.input)['~standard'].validate(args)
  return result.issues === undefined ? result.value : result.issues[0]!.message
}

test('[MC3] invalid arguments are described in words', async t => {
  const good = { agentId: 'a1', kind: 'shell', input: 'ls' }
  t.same(await judge(good), good)
  t.match(await judge({ ...good, waitSeconds: '30', untilAsked: 'false' }), { waitSeconds: 30, untilAsked: false })
  t.same(await judge({ ...good, input: '5' }), { ...good, input: '5' }, 'text remains text')
  const table: [args: unknown, says: RegExp][] = [
    [{ agentId: 'a1', kind: 'shell' }, /^"input" is required\.$/],
    [{}, /^"agentId" is required\.$/],
    [{ ...good, agentId: 'a b' }, /^"agentId" must be of this form: Id of an agent.*, not "a b"\.$/],
    [{ ...good, wait: 3 }, /^"wait" is not an argument of this tool; it takes agentId, kind, /],
    [{ ...good, waitSeconds: 301 }, /^"waitSeconds" must be a whole number from 0 to 300, not 301\.$/],
    [{ ...good, waitSeconds: 1.5 }, /^"waitSeconds" must be /],
    [{ ...good, whenBusy: 'queue' }, /^"whenBusy" must be one of enqueue, interrupt, reject, not "queue"\.$/],
    [[], /object/],
    ['text', /object/],
    [null, /object/],
  ]
  for (const [args, says] of table) t.match(await judge(args), says, JSON.stringify(args))
})

test('the schemas that clients get are plain', async t => {
  for (const tool of tools) {
    for (const schema of [tool.input, tool.output]) {
      const json = JSON.stringify(toolSchema(schema)['~standard'].jsonSchema.input({ target: 'draft-2020-12' }))
      t.notMatch(json, /"const"|patternProperties/, tool.name)
    }
  }
  const input = toolSchema(send.input)['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
  t.match(input, {
    type: 'object',
    required: ['agentId', 'kind', 'input'],
    additionalProperties: false,
    properties: {
      whenBusy: { type: 'string', enum: ['enqueue', 'interrupt', 'reject'] },
      waitSeconds: { type: 'integer' },
    },
  })
})

test('docs/mcp.md lists every tool, and whether it changes anything', async t => {
  const rows = tableRows(read('docs/mcp.md')).filter(row => /^`\w+`$/.test(row[0] ?? '') && row.length === 4)
  t.same(
    rows.map(([name, effect]) => [unquoted(name!), effect]),
    tools.map(tool => [tool.name, tool.effect === 'reads' ? 'reads' : 'changes']),
  )
  for (const tool of tools) {
    t.equal(annotationsOf(tool).readOnlyHint, tool.effect === 'reads')
    t.ok(tool.description.length < 500, `${tool.name} is described briefly`)
  }
})
