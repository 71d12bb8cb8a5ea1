/* libpng asks for this header of Mac OS 9 wherever it sees a Mac. */
#include <math.h>
