import { Page } from '../../ui/page.tsx'

export function NeedsYouScreen() {
  return <Page title="Needs you">{null}</Page>
}
