export { formatValue as show, didYouMean, unknownOptionMessage as unknownOption } from '../utils/messages.js';
