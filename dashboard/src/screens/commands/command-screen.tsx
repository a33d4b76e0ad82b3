import { Page } from '../../ui/page.tsx'

export function CommandScreen() {
  return <Page title="Command">{null}</Page>
}
