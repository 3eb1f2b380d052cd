// A real transport on Linux: libcurl, one thread for each request. Tests only.
#import "AURTransport.h"

NS_ASSUME_NONNULL_BEGIN

@interface CurlTransport : NSObject <AURTransport>
@end

/// One request to its end, for the tests' own calls to the REST API: the answer's JSON.
id _Nullable AURCall(NSString *method, NSString *url, NSString *_Nullable user, NSString *_Nullable password, id _Nullable body, NSInteger *_Nullable status);

NS_ASSUME_NONNULL_END
