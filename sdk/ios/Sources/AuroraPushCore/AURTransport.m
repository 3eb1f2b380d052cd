#import "AURTransport.h"

@implementation AURRequest
@end

@implementation AURResponse
@end
