/** Decides which URLs a transfer may request: https and no private addresses, unless the API itself has one. */
/** Networks by their first address, and the number of its bits that count. */
const PRIVATE_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
];
const PRIVATE_IPV6 = [
  // Unspecified, loopback and IPv4-compatible addresses.
  '::/96',
  // NAT64 maps to any IPv4 address.
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];
const IPV4_MAPPED = ['::ffff:0:0/96'];

function prefixOf(network: string): string {
  const [address = '', length] = network.split('/');
  return bitsOf(address).slice(0, Number(length));
}

function toBits(number: number, length: number): string {
  return number.toString(2).padStart(length, '0');
}

/** Bits of an address in the form that `URL` gives it. */
function bitsOf(address: string): string {
  if (!address.includes(':'))
    return address
      .split('.')
      .map((part) => toBits(Number(part), 8))
      .join('');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [head = [], tail] = address.split('::').map(groups);
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
  const all = [...head, ...Array.from({ length: zeros }, () => '0'), ...(tail ?? [])];
  return all.map((group) => toBits(Number.parseInt(group, 16), 16)).join('');
}

const isIn = (bits: string, networks: readonly string[]) =>
  networks.some((network) => bits.startsWith(prefixOf(network)));

/** Checks the literal host only; no DNS lookup. */
export function isPrivateHost({ hostname }: URL): boolean {
  // URL has already normalized decimal, octal, hexadecimal and shortened IPv4 addresses.
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return isIn(bitsOf(hostname), PRIVATE_IPV4);
  if (!hostname.startsWith('[')) return /(?:^|\.)localhost\.?$/.test(hostname);
  const bits = bitsOf(hostname.slice(1, -1));
  return isIn(bits, IPV4_MAPPED) ? isIn(bits.slice(96), PRIVATE_IPV4) : isIn(bits, PRIVATE_IPV6);
}

export function forbiddenReason(url: URL, baseUrl: URL): string | undefined {
  if (url.protocol !== 'https:' && baseUrl.protocol !== 'http:') {
    return 'http is not allowed; expected an https URL';
  }
  if (isPrivateHost(url) && !isPrivateHost(baseUrl)) {
    return 'the host is a loopback, private or link-local address, which is not allowed';
  }
  return undefined;
}
