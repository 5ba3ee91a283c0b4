// Compiled beside every capability: adds what the ABI asks of each module, so that no author has to.

export { twin_alloc } from "twin/abi";
