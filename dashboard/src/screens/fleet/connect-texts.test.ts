import t from 'tap'
import { execCommand, idProblem, sdkSnippet } from './connect-texts.ts'

const start = { url: 'https://fleet.example/team', token: 'T', id: 'build-1' }

t.test('a command and a program that are complete', async t => {
  t.equal(
    execCommand(start),
    'FLEETWIRE_URL=https://fleet.example/team FLEETWIRE_TOKEN=T npx fleetwire agent exec --id build-1',
  )
  for (const part of ["url: 'https://fleet.example/team'", "token: 'T'", "name: 'build-1'"]) {
    t.match(sdkSnippet(start), part)
  }
})

t.test('ids are those of the protocol', async t => {
  t.equal(idProblem('Build_1-x'), undefined)
  for (const id of ['', 'a b', 'a.b', 'ä', "a'", 'x'.repeat(65)]) t.ok(idProblem(id), id)
})
