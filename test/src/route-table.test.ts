import { test } from 'tap'
import { RouteTable } from '../../src/route-table.ts'

test('[RE23] a path has the methods of every route that matches it', async t => {
  const table = new RouteTable()
  table.add('/tasks', ['GET', 'HEAD'], false)
  table.add('/tasks', ['POST'], false)
  table.add('/tasks/:taskId', ['DELETE'], false)
  table.add('/tasks/export', ['GET'], false)
  table.add('/ws/tasks/:taskId', ['GET'], true)
  table.add('/static/*', ['GET'], false)
  table.add('/a.b', ['GET'], false)
  const paths: [url: string, methods: string[]][] = [
    ['/tasks', ['GET', 'HEAD', 'POST']],
    ['/tasks?x=/y', ['GET', 'HEAD', 'POST']],
    ['/t%61sks', ['GET', 'HEAD', 'POST']],
    ['http://fleet.example/tasks', ['GET', 'HEAD', 'POST']],
    ['/tasks/export', ['DELETE', 'GET']],
    ['/tasks/t1', ['DELETE']],
    ['/static/a/b', ['GET']],
    ['/a.b', ['GET']],
    ['/axb', []],
    ['/tasks/', []],
    ['/tasks/t1/x', []],
    ['/%zz', []],
    ['', []],
  ]
  for (const [url, methods] of paths) t.same(table.methodsOf(url), methods, url)
  for (const url of ['/ws/tasks/t1', '/ws/t%61sks/t1?token=x']) t.ok(table.isSocket(url), url)
  for (const url of ['/tasks', '/ws/tasks/', '/ws', '/%zz']) t.notOk(table.isSocket(url), url)
  t.same(table.sockets(), ['/ws/tasks/:taskId'])
})
