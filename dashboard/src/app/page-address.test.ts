import t from 'tap'
import { pageAddress } from './page-address.ts'

t.test('a page is under the prefix', async t => {
  t.equal(pageAddress('/', '/needs-you?id=int_1'), '/needs-you?id=int_1')
  t.equal(pageAddress('/fleet', '/needs-you?id=int_1'), '/fleet/needs-you?id=int_1')
  t.equal(pageAddress('/fleet/', '/agents/a'), '/fleet/agents/a')
})
