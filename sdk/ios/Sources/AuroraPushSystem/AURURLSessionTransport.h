// Requests by NSURLSession, on Apple's systems.
#import "AURTransport.h"

NS_ASSUME_NONNULL_BEGIN

@interface AURURLSessionTransport : NSObject <AURTransport>
@end

NS_ASSUME_NONNULL_END
