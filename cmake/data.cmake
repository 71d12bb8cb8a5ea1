# Texts that ship with the program, embedded in the room that uses them so that the binary needs no other file.
set(data ${PROJECT_SOURCE_DIR}/data)
embed(vocabulary data-vocabulary analogies ${data}/analogies.txt categories ${data}/categories.txt)
embed(train data-train toy ${data}/toy.txt)
