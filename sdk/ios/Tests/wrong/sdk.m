// error: no known class method for selector 'setTag:completion:seq:'
// A misspelt selector of the SDK.
#import "JPUSHService.h"

void wrong(void);
void wrong(void) { [JPUSHService setTag:[NSSet set] completion:nil seq:1]; }
