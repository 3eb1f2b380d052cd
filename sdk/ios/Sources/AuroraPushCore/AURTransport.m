#import "AURClient.h"

@implementation AURRequest
@end

@implementation AURResponse
@end

@implementation AUREnvironment
@end
