import { phonebookSuite } from "../../conformance/phonebook.suite.ts";
import { createMemoryPhonebook } from "../../support/memory-phonebook.ts";

phonebookSuite("the memory phonebook", async () => createMemoryPhonebook());
